"""The files of a store as bytes: pure codecs, one module per file format.

Rules: bytes in, values out, and back; no path is opened here and nothing is written. Each
module names the page of section 5 that decides. Bytes of any content give a value or a
DataError, within bounded memory.
"""

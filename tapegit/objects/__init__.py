"""Objects as bytes and as values: ids, the four kinds, their encodings, and how they link.

Rules of this package:

- Pure: no path, clock, environment or randomness. The same input gives the same bytes on
  every machine and every Python, and vectors in fixtures/vectors/ freeze them.
- Bytes of any content give a value or a DataError, in bounded memory, without recursion
  whose depth the bytes decide.
- blake3 is imported in `oid` alone, msgspec in `canonical` and `turn`.

    oid     the id of an object          turn, canonical   turns and the JSON they are in
    kind    the four kinds, framing      tag               annotated names
    links   what an object needs         rope, varint      one node of a rope
                                         cutter            where bytes are cut into pieces
                                         rope_builder      bytes -> objects to write
                                         rope_reader       objects -> bytes, verified
"""

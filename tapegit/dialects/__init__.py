"""Dialects: pure functions from the bytes of a source to records, fields and parts.

A folder for each dialect has modules of the same names: `parts` (what a turn consists of),
`record` and `summary` of a harness's transcripts, `stream` and `encode` of a provider's
interface. `syntax` reads what all are written in, `meaning` tells more from parts, `writing`
makes records and bodies anew; `table` and `wire_table` say which dialects there are.

Source: the pages tapesdialect-*(7).
"""

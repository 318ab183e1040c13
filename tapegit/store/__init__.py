"""Where objects are kept, and the union of all these places.

Rules: a source verifies what it returns, down to the id; a reader takes no lock; damage is
an error that names object and file. Only `database` knows that there are several sources.
"""

"""`doctor`: whether what ought to be recorded is, and whether the store is well."""

"""What commands do, one module per verb: values in, values out; nothing is printed here."""

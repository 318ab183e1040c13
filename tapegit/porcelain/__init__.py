"""What commands do: a folder for each concern, and in it a module for each verb.

Values in, values out; nothing is printed here.
"""

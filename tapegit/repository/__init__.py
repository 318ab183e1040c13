"""The store as a whole: where it is, how it is made, its settings, opening it and writing to it.

Rules of this package:

- It unites `store` and `refs` and is the one place where an order between them is kept: objects
  are durable before a ref names them.
- Nothing here reads the environment; what it says is handed in.
- Reading must not pay for writing: `repository` loads `transaction` and `config` when they are
  first asked for, which is the one exception to imports at the top besides cli/main.

Source: tapesformat-store(5), tapesformat-config(5).
"""

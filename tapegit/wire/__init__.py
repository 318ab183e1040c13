"""Traffic between a client and a model.

`proxy` passes it on and hands copies to `spool`, a pipe to another process, where `recording`
makes turns of it; `replay` answers from a tape instead. `http` is what they read it with,
`capture` the values that pass between them.

Source: tapesproxy(7) and tapeswire(7).
"""

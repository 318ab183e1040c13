"""HTTP/1.1 and WebSockets as bytes: heads, framing, content codings, ends of streams; pure."""

"""Lines to and from a person: a terminal, a pseudo terminal, a TCP socket."""

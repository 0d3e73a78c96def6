"""Messages of DIN SPEC 70121, ISO 15118-2 and ISO 15118-20: bytes to typed messages and back, without I/O."""

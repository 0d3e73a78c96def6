"""CAN: codecs of power modules and batteries (``families``), a shared bus, and the adapters that charts order by."""

"""OCPP 1.6: messages, their schemas and what carries them. What a charge point does is in ``machines/ocpp``."""

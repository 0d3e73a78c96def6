"""Sub-commands of ``python -m adapters.v2g`` that belong to the codec."""

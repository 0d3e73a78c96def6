"""From the public XML Schemas to the generated codec: ``python -m adapters.v2g.schema``."""

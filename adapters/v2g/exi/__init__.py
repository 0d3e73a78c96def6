"""EXI 1.0, the part V2G uses: bit-packed, schema-informed, not strict, header byte 0x80. Run-time half of the codec."""

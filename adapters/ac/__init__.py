"""What an AC outlet and the vehicle at it have beside pilot, contactor and lock."""

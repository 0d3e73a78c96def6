"""The simulated world where several adapters meet: hosts that talk over a simulated line or wire."""

"""Paths of other systems' web interfaces, answered by a station of ours. They encode and decode; what is done is what
the station file says, and charts decide."""

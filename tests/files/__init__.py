"""Files to and from servers."""

"""Files that go to and come from other people's servers."""

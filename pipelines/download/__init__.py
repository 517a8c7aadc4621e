"""The `download` kind: a video's address goes in, a file stands in the library."""

"""The one way out for downloads: a proxy that resolves, judges every address and connects to what it judged."""

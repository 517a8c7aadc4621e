"""Downloading with yt-dlp: `client.fetch` is the way in, everything of yt-dlp happens in a child process."""

"""Who people are: accounts, passwords, sessions, personal tokens, the first admin."""

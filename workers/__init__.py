"""How the hub is run in production: several processes behind one socket, replaced without anybody noticing."""

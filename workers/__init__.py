"""Production server: several worker processes behind one socket, replaced without downtime."""

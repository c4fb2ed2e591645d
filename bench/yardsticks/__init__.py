"""What the services are compared with: the same outward work, done as barely as possible."""

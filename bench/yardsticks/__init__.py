"""The yardsticks: minimal clients that do the same outward work as the services."""

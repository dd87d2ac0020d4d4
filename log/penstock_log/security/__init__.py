"""Who may connect: listeners, TLS, logins, and the credentials of users."""

"""A small HTTP server: routes, JSON, problems, server-sent events, and who may ask."""

"""The console: a web page that is built from `console/` of the repository and ships with the package."""

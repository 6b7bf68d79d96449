"""Rules that are not reslint's: those of modules that the configuration names, and of packages that are installed."""

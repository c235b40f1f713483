"""`polyfeed doctor`: whether this machine, the NATS servers and their streams are as polyfeed wants them."""

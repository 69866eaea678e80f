"""A real web shop on loopback, to try handrail and to train on; `lifecycle.Sandbox` brings it up."""

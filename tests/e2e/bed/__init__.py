"""What the end-to-end tests stand on: a cluster, images, a hub, and a client that reads as a person does."""

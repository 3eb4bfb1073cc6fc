"""The system of record and the public face: what tables exist, what people say of them, and who may see what."""

"""The vocabulary of Headwater: frozen values that cross between services. Standard library only."""

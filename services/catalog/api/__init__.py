"""The public API: routes that check who asks, call a journey, and give its values a documented shape."""

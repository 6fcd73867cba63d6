"""iCalendar: bookings as a feed that calendar programs read, and other calendars as busy time."""

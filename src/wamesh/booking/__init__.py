"""The booking service: calendars of companies, the free slots in them, and the bookings that fill them."""

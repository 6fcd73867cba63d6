"""What a company is: services, staff, hours, absences, resources; as rpcs, as a file, and as the difference of two."""

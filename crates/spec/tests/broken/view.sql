SELECT city FROM base

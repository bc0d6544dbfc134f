module example.com/wirewatch

go 1.26

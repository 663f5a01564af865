resource "azurerm_resource_group" "ledger" {
  name     = "ledger"
  location = "West Europe"
}

resource "random_password" "ledger" {
  length  = 24
  special = true
}

resource "azurerm_postgresql_flexible_server" "ledger" {
  name                   = "bakery-ledger"
  resource_group_name    = azurerm_resource_group.ledger.name
  location               = azurerm_resource_group.ledger.location
  version                = "16"
  administrator_login    = "keeper"
  administrator_password = random_password.ledger.result
  storage_mb             = 32768
  sku_name               = "B_Standard_B1ms"
  zone                   = "1"

  high_availability { mode = "SameZone" }

  maintenance_window {
    day_of_week  = 0
    start_hour   = 3
    start_minute = 0
  }
}

resource "azurerm_postgresql_flexible_server_database" "orders" {
  name      = "orders"
  server_id = azurerm_postgresql_flexible_server.ledger.id
  collation = "en_US.utf8"
  charset   = "utf8"
}

resource "azurerm_private_dns_txt_record" "proof" {
  name                = "proof"
  resource_group_name = azurerm_resource_group.ledger.name
  zone_name           = "bakery.example.com"
  ttl                 = 300

  record {
    value = "v=spf1 mx ~all"
  }
  record {
    value = "key=\"value\"; path=C:\\bread"
  }
}

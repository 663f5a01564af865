resource "aws_api_gateway_rest_api" "shop" {
  name = "shop"
  body = jsonencode({
    openapi = "3.0.1"
    info    = { title = "shop", version = "1.0" }
    paths = {
      "/loaves/{name}" = {
        get = {
          "x-amazon-apigateway-integration" = {
            httpMethod = "GET"
            type       = "HTTP_PROXY"
            uri        = "https://loaves.example.com/{name}"
          }
        }
      }
    }
  })

  endpoint_configuration {
    types = ["REGIONAL"]
  }
}

resource "aws_api_gateway_deployment" "shop" {
  rest_api_id = aws_api_gateway_rest_api.shop.id

  triggers = {
    redeployment = sha1(jsonencode([
      aws_api_gateway_rest_api.shop.body,
      templatefile("${path.module}/shop.tftpl", { port = 80 }),
    ]))
  }
}

resource "aws_api_gateway_stage" "shop" {
  deployment_id = aws_api_gateway_deployment.shop.id
  rest_api_id   = aws_api_gateway_rest_api.shop.id
  stage_name    = "live"
  variables     = { "lambdaAlias" = "live" }
}

resource "aws_api_gateway_method" "order" {
  rest_api_id        = aws_api_gateway_rest_api.shop.id
  resource_id        = aws_api_gateway_rest_api.shop.root_resource_id
  http_method        = "POST"
  authorization      = "NONE"
  request_parameters = { "method.request.header.X-Shop" = true, "method.request.querystring.day" = false }
}

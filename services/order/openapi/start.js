// "Try it out" is already active, so the example request can be sent at once.
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#page",
  deepLinking: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  // By default, Swagger UI sends the document to a validator on the internet.
  validatorUrl: null,
});

// An order can be sent at once: the request is open, and filled in with the document's example.
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#page",
  deepLinking: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  // By default, a service on the internet is asked whether the document is valid.
  validatorUrl: null,
});

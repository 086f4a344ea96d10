"""Azure Monitor metrics of Azure OpenAI and Foundry accounts."""

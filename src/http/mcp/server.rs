//! The protocol's methods for one caller. Calls run in a task of their own, so that they set up again what the middleware
//! set up for the request.

use std::{borrow::Cow, panic::AssertUnwindSafe};

use futures_util::FutureExt;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock,
        GetPromptRequestParams, GetPromptResponse, Implementation, ListPromptsResult,
        ListToolsResult, PaginatedRequestParams, ProtocolVersion, ServerCapabilities, ServerConfig,
        Tool,
    },
    service::RequestContext,
};
use tracing::{Instrument, Span};

use crate::{
    db::pool::with_patience,
    domain::{error::Problem, events::committed::noting_commits},
    http::mcp::{caller::Caller, prompts::PromptName, refusals, tools::ToolName},
};

/// The newest version of the protocol and the one before it, which still has a handshake.
const VERSIONS: [ProtocolVersion; 2] =
    [ProtocolVersion::V_2025_11_25, ProtocolVersion::V_2026_07_28];

const INSTRUCTIONS: &str = "Fortnight is a board for teams that work in sprints. You act for a person, and may read and \
    change what they may. Every task has a version: read a task before you change it, and send the version that you read. \
    If someone else was quicker, the answer says what they changed; read the task again and decide anew. To work on a task: \
    `ready` names one, `claim` takes it, `move_task` shows that it is in progress, `comment` says what you found, and in the \
    end you move it to review. A person closes it.";

/// The server as one caller sees it.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) caller: Caller,
    /// The span of the request, for the log.
    pub(super) span: Span,
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_prompts();
        let capabilities = capabilities.build();
        let server = Implementation::new("fortnight", env!("CARGO_PKG_VERSION"));
        ServerConfig::new(capabilities)
            .with_server_info(server.with_title("Fortnight"))
            .with_instructions(INSTRUCTIONS)
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(&VERSIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = ToolName::offered(self.caller.viewer.may_write());
        Ok(ListToolsResult::with_all_items(
            tools.map(ToolName::describe).collect(),
        ))
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        let prompts = PromptName::ALL.map(PromptName::describe);
        Ok(ListPromptsResult::with_all_items(prompts.into()))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let Some(prompt) = PromptName::parse(&request.name) else {
            let unknown = format!("There is no prompt {:?}.", request.name);
            return Err(ErrorData::invalid_params(unknown, None));
        };
        let arguments = request.arguments.unwrap_or_default();
        let team = arguments.get("team").and_then(|team| team.as_str());
        let refusal = match self.run(prompt.get(&self.caller, team)).await {
            Ok(prompt) => return Ok(prompt.into()),
            Err(refusal) => refusal,
        };
        Err(ErrorData::invalid_params(refusal, None))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        ToolName::parse(name).map(ToolName::describe)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(tool) = ToolName::parse(&request.name) else {
            let unknown = format!("There is no tool {:?}.", request.name);
            return Err(ErrorData::invalid_params(unknown, None));
        };
        let call = tool.call(&self.caller, request.arguments.unwrap_or_default());
        Ok(match self.run(call).await {
            Ok(answer) => CallToolResult::structured(answer).into(),
            Err(refusal) => CallToolResult::error(vec![ContentBlock::text(refusal)]).into(),
        })
    }
}

impl Server {
    /// Runs a call. A refusal or failure is returned as a sentence.
    async fn run<T>(&self, call: impl Future<Output = Result<T, Problem>>) -> Result<T, String> {
        let call = with_patience(AssertUnwindSafe(Box::pin(call)).catch_unwind());
        let (outcome, progress) = noting_commits(call).instrument(self.span.clone()).await;
        match outcome {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(problem)) => Err(refusals::sentence(problem, progress)),
            // the panic is in the log already
            Err(_) => Err(refusals::failed(progress)),
        }
    }
}

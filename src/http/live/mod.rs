pub mod broadcaster;
pub mod dispatcher;
pub mod presence;
pub mod sse_frames;
pub mod stream;

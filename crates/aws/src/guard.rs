//! The last look before the bytes of a guarded write leave.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextMut;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use bivouac_ports::{GuardedBody, WriteGuard};

/// Refuses every attempt of a call whose [`WriteGuard`] does not hold any more. Retries of the SDK are attempts too.
///
/// The SDK polls its interceptors in the task of the caller, so the caller's guard is seen here. It connects after this hook,
/// and another task writes the bytes. So the body looks once more, in the poll in which they are written.
#[derive(Debug)]
pub(crate) struct GuardWrites;

impl Intercept for GuardWrites {
    fn name(&self) -> &'static str {
        "GuardWrites"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(guard) = WriteGuard::current() else { return Ok(()) };
        guard.check()?;
        let request = context.request_mut();
        let body = request.take_body();
        *request.body_mut() = SdkBody::from_body_1_x(GuardedBody::new(body, guard));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

    use bivouac_ports::{Error, Meaning, NoMeter, Result};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::calls::DELETE_SERVICE;
    use crate::error::from_sdk;
    use crate::{Endpoints, Sdk, SdkSettings, StaticCredentials};

    /// A server that answers everything, and counts the bytes and connections that arrive.
    struct Server {
        url: String,
        bytes: Arc<AtomicUsize>,
        connections: Arc<AtomicUsize>,
    }

    impl Server {
        async fn start() -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            let (bytes, connections) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
            let server = Self { url, bytes: Arc::clone(&bytes), connections: Arc::clone(&connections) };
            tokio::spawn(async move {
                while let Ok((mut stream, _)) = listener.accept().await {
                    connections.fetch_add(1, Ordering::SeqCst);
                    let bytes = Arc::clone(&bytes);
                    tokio::spawn(async move {
                        let mut buffer = [0; 4096];
                        while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                            bytes.fetch_add(read, Ordering::SeqCst);
                            // The request is one segment.
                            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
                            stream.write_all(answer).await.unwrap();
                        }
                    });
                }
            });
            server
        }

        /// Deletes a service under a guard.
        async fn delete(&self, guard: &WriteGuard) -> Result<()> {
            let settings = SdkSettings {
                endpoints: Endpoints { aws: Some(self.url.clone()), dynamodb: None },
                credentials: Some(StaticCredentials::of_no_account()),
                ..SdkSettings::default()
            };
            let client = Sdk::load(&settings, Arc::new(NoMeter)).await.unwrap().ecs();
            let request = client.delete_service().cluster("c").service("s").send();
            guard.run(async { request.await.map(drop).map_err(|error| from_sdk(&DELETE_SERVICE, error)) }).await
        }
    }

    fn lost() -> Error {
        Error::new(Meaning::Conflict, "lease", "lost")
    }

    /// A guard that is lost after so many looks.
    fn lost_after(looks: u32) -> WriteGuard {
        let left = AtomicU32::new(looks);
        let take = move || left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        WriteGuard::new(move || take().map(drop).map_err(|_| lost()))
    }

    #[tokio::test]
    async fn a_guard_that_holds_lets_the_bytes_leave() {
        let server = Server::start().await;
        server.delete(&WriteGuard::new(|| Ok(()))).await.expect("it is answered");
        assert!(server.bytes.load(Ordering::SeqCst) > 0);
    }

    #[tokio::test]
    async fn a_guard_that_ends_between_the_check_and_the_transmission_lets_no_byte_leave() {
        let server = Server::start().await;
        // The first look is that of the poll, the second that of the interceptor, and then the connection is made.
        for looks in 0..=2 {
            let error = server.delete(&lost_after(looks)).await.expect_err("it is lost");
            assert_eq!((error.meaning(), error.call()), (Meaning::Conflict, "lease"), "{looks}: {error}");
        }
        assert_eq!(server.bytes.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn a_guard_that_ends_when_the_connection_stands_lets_no_byte_leave() {
        let server = Server::start().await;
        // Only the connection's own task finds it lost: the test itself is none.
        let guard = WriteGuard::new(|| if tokio::task::try_id().is_some() { Err(lost()) } else { Ok(()) });
        let error = server.delete(&guard).await.expect_err("it is lost");
        assert_eq!((error.meaning(), error.call()), (Meaning::Conflict, "lease"), "{error}");
        assert!(server.connections.load(Ordering::SeqCst) > 0, "it was connected");
        assert_eq!(server.bytes.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn a_call_without_a_guard_is_sent() {
        let server = Server::start().await;
        let settings = SdkSettings {
            endpoints: Endpoints { aws: Some(server.url.clone()), dynamodb: None },
            credentials: Some(StaticCredentials::of_no_account()),
            ..SdkSettings::default()
        };
        let client = Sdk::load(&settings, Arc::new(NoMeter)).await.unwrap().ecs();
        client.delete_service().cluster("c").service("s").send().await.expect("it is answered");
    }
}

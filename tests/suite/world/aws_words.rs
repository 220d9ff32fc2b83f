//! How AWS's protocols say things: names of operations, errors, dates, and small XML; it knows no state.

use serde_json::{Value, json};

use super::calls::Seen;
use super::faults::Fault;
use super::http::{Reply, Req, form, percent_encode, random_hex};

/// Service, operation and access key of a request in any of AWS's protocols.
pub fn name(req: &Req) -> Seen {
    let scope: Vec<&str> = req
        .header("authorization")
        .split_once("Credential=")
        .map(|(_, rest)| {
            rest.split([',', ' '])
                .next()
                .unwrap_or_default()
                .split('/')
                .collect()
        })
        .unwrap_or_default();
    let signed_for = scope.get(3).copied().unwrap_or_default();
    let target = req.header("x-amz-target");
    let (service, operation) = if let Some((prefix, operation)) = target.split_once('.') {
        let service = match prefix.split('_').next().unwrap_or_default() {
            "AmazonSQS" => "SQS",
            "AmazonSSM" => "SSM",
            "GraniteServiceVersion20100801" => "CloudWatch",
            other => other,
        };
        (service.to_owned(), operation.to_owned())
    } else if let Some(operation) = parameter(req, "Action") {
        let service = match signed_for {
            "sns" => "SNS",
            "cloudformation" => "CloudFormation",
            "monitoring" => "CloudWatch",
            "sts" => "STS",
            "sqs" => "SQS",
            "" if operation.starts_with("AssumeRole") => "STS",
            other => other,
        };
        (service.to_owned(), operation)
    } else {
        match signed_for {
            "lambda" => (
                "Lambda".to_owned(),
                lambda_operation(&req.method, &req.path),
            ),
            other => (other.to_owned(), format!("{} {}", req.method, req.path)),
        }
    };
    Seen {
        service,
        operation,
        target: req.target.clone(),
        body: req.text(),
        access_key: scope
            .first()
            .filter(|k| !k.is_empty())
            .map(|k| (*k).to_owned()),
    }
}

fn lambda_operation(method: &str, path: &str) -> String {
    let parts: Vec<&str> = path.trim_matches('/').split('/').skip(2).collect();
    match (method, parts.as_slice()) {
        ("GET", []) => "ListFunctions",
        ("POST", []) => "CreateFunction",
        ("GET", [_]) => "GetFunction",
        ("DELETE", [_]) => "DeleteFunction",
        ("GET", [_, "configuration"]) => "GetFunctionConfiguration",
        ("PUT", [_, "configuration"]) => "UpdateFunctionConfiguration",
        ("PUT", [_, "code"]) => "UpdateFunctionCode",
        ("GET", [_, "versions"]) => "ListVersionsByFunction",
        ("POST", [_, "versions"]) => "PublishVersion",
        ("GET", [_, "aliases"]) => "ListAliases",
        ("POST", [_, "aliases"]) => "CreateAlias",
        ("GET", [_, "aliases", _]) => "GetAlias",
        ("PUT", [_, "aliases", _]) => "UpdateAlias",
        ("DELETE", [_, "aliases", _]) => "DeleteAlias",
        ("POST", [_, "invocations"]) => "Invoke",
        _ => return format!("{method} {path}"),
    }
    .to_owned()
}

/// A parameter of the query protocol, from body or URL.
pub fn parameter(req: &Req, name: &str) -> Option<String> {
    let body = if req
        .header("content-type")
        .starts_with("application/x-www-form-urlencoded")
    {
        form(&req.text())
    } else {
        Vec::new()
    };
    body.into_iter()
        .chain(req.query.clone())
        .find(|(k, _)| k == name)
        .map(|(_, v)| v)
}

/// Milliseconds UTC as AWS's XML writes dates.
pub fn iso(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// An error in the protocol of the call.
pub fn error(seen: &Seen, status: u16, code: &str, message: &str) -> Reply {
    let id = random_hex(16);
    if seen.body.contains("Action=") || seen.target.contains("Action=") {
        let kind = if status < 500 { "Sender" } else { "Receiver" };
        let body = format!(
            "<ErrorResponse><Error><Type>{kind}</Type><Code>{code}</Code><Message>{}</Message></Error><RequestId>{id}</RequestId></ErrorResponse>",
            xml_escape(message)
        );
        return Reply::new(status, "text/xml", body).with("x-amzn-requestid", id);
    }
    let shape = if seen.service == "DynamoDB" {
        format!("com.amazonaws.dynamodb.v20120810#{code}")
    } else {
        code.to_owned()
    };
    json_error(
        status,
        &shape,
        json!({ "__type": shape, "message": message }),
        &id,
    )
}

fn json_error(status: u16, shape: &str, body: Value, id: &str) -> Reply {
    let kind = shape.rsplit('#').next().unwrap_or(shape);
    Reply::new(status, "application/x-amz-json-1.0", body.to_string())
        .with("x-amzn-errortype", kind)
        .with("x-amzn-requestid", id)
}

/// A cancelled DynamoDB transaction with the same reason for every action.
pub fn cancelled(seen: &Seen, code: &str, message: &str) -> Reply {
    let actions = serde_json::from_str::<Value>(&seen.body)
        .ok()
        .and_then(|b| b["TransactItems"].as_array().map(Vec::len))
        .unwrap_or(1);
    let reasons = vec![json!({ "Code": code, "Message": message }); actions];
    let shape = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
    let said = format!(
        "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
        vec![code; actions].join(", ")
    );
    let body = json!({ "__type": shape, "Message": said, "message": said, "CancellationReasons": reasons });
    json_error(400, shape, body, &random_hex(16))
}

/// AWS's own words for a fault.
pub fn dialect(fault: &Fault, seen: &Seen) -> Reply {
    let dynamo = seen.service == "DynamoDB";
    match fault {
        Fault::Throttle => match seen.service.as_str() {
            "DynamoDB" | "Logs" | "SSM" => error(seen, 400, "ThrottlingException", "Rate exceeded"),
            "Lambda" => error(seen, 429, "TooManyRequestsException", "Rate Exceeded.")
                .with("retry-after", 1),
            _ => error(seen, 400, "Throttling", "Rate exceeded"),
        },
        Fault::Denied => {
            let said = format!(
                "User: arn:aws:sts::123456789012:assumed-role/deploy-guard/world is not authorized to perform: {}:{} because no identity-based policy allows the action",
                seen.service.to_lowercase(),
                seen.operation
            );
            match seen.service.as_str() {
                "DynamoDB" | "Logs" | "SSM" => error(seen, 400, "AccessDeniedException", &said),
                "Lambda" => error(seen, 403, "AccessDeniedException", &said),
                "SNS" => error(seen, 403, "AuthorizationError", &said),
                _ => error(seen, 403, "AccessDenied", &said),
            }
        }
        Fault::TransactionConflict if seen.operation == "TransactWriteItems" => cancelled(
            seen,
            "TransactionConflict",
            "Transaction is ongoing for the item",
        ),
        Fault::TransactionConflict => error(
            seen,
            400,
            "TransactionConflictException",
            "Transaction is ongoing for the item",
        ),
        Fault::TransactionInProgress => error(
            seen,
            400,
            "TransactionInProgressException",
            "The transaction with the given request token is already in progress.",
        ),
        Fault::ProvisionedThroughput => error(
            seen,
            400,
            "ProvisionedThroughputExceededException",
            "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.",
        ),
        Fault::Status(503) => error(seen, 503, "ServiceUnavailable", "Service is unavailable"),
        Fault::Status(status) => {
            let code = if dynamo {
                "InternalServerError"
            } else {
                "InternalFailure"
            };
            error(
                seen,
                *status,
                code,
                "The request processing has failed because of an unknown error.",
            )
        }
        other => error(
            seen,
            500,
            "InternalFailure",
            &format!("the AWS fake has no words for {other:?}"),
        ),
    }
}

/// Escapes text for XML.
pub fn xml_escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// Undoes [`xml_escape`].
pub fn xml_unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

/// The text of the first element of that name.
pub fn xml_text(xml: &str, element: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{element}>"))?;
    let (text, _) = rest.split_once(&format!("</{element}>"))?;
    Some(xml_unescape(text))
}

/// Puts another text into the first element of that name.
pub fn xml_set(xml: &str, element: &str, text: &str) -> Option<String> {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    let from = xml.find(&open)? + open.len();
    let to = from + xml[from..].find(&close)?;
    Some(format!(
        "{}{}{}",
        &xml[..from],
        xml_escape(text),
        &xml[to..]
    ))
}

/// Encodes parameters for the query protocol.
pub fn encode<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    pairs
        .map(|(k, v)| format!("{}={}", percent_encode(k), percent_encode(v)))
        .collect::<Vec<_>>()
        .join("&")
}

/// The `member` elements directly below the first element of that name.
pub fn members<'a>(xml: &'a str, list: &str) -> Vec<&'a str> {
    let Some(from) = xml.find(&format!("<{list}>")) else {
        return Vec::new();
    };
    let (mut at, mut depth, mut start, mut found) = (from + list.len() + 2, 0usize, 0, Vec::new());
    while let Some(open) = xml[at..].find('<').map(|i| at + i) {
        let Some(close) = xml[open..].find('>').map(|i| open + i + 1) else {
            break;
        };
        let tag = &xml[open..close];
        if tag.starts_with("</") {
            if depth == 0 {
                break;
            }
            depth -= 1;
            if depth == 0 && tag == "</member>" {
                found.push(&xml[start..open]);
            }
        } else if !tag.ends_with("/>") {
            if depth == 0 {
                start = close;
            }
            depth += 1;
        }
        at = close;
    }
    found
}

#[test]
fn members_are_found_at_their_own_depth() {
    let xml = "<R><Stacks><member><N>a</N><Outputs><member><K>x</K></member></Outputs></member><member><N>b</N><Tags/></member></Stacks><Z><member>no</member></Z></R>";
    assert_eq!(
        members(xml, "Stacks"),
        [
            "<N>a</N><Outputs><member><K>x</K></member></Outputs>",
            "<N>b</N><Tags/>"
        ]
    );
    assert!(members(xml, "Absent").is_empty());
}
